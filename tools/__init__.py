"""Scripts for developers; `make docs` runs those that write documentation."""
