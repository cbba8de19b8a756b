"""`python -m tools`, or `make docs`: writes every generated document anew."""

from pathlib import Path

from tools.documents import write_documents

if __name__ == "__main__":
    for path in write_documents(Path()):
        print(path)
