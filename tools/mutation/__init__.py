"""Mutants: copies of the package with one rule left out each, and the tests that must notice."""
