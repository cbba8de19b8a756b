"""Tables of the analyses, one module each: `table` gives the numbers behind it, `text` what people read."""
