// A link into a part opens it; paper has all parts open; a table that is wider than its place says so.
const opened = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const part = target && target.closest("details.part");
  if (part) part.open = true;
  if (target) target.scrollIntoView();
};
const measure = () => {
  for (const box of document.querySelectorAll(".scroll")) box.classList.toggle("cut", box.scrollWidth > box.clientWidth);
};
addEventListener("hashchange", opened);
addEventListener("resize", measure);
document.addEventListener("toggle", measure, true);
addEventListener("beforeprint", () => document.querySelectorAll("details.part").forEach((part) => (part.open = true)));
opened();
measure();
