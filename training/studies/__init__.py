"""Measurements that were made once, for a document or a list in configs/; run by hand."""
