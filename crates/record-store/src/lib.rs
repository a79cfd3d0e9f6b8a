//! An ordered record store with atomic compare-and-set commits.
