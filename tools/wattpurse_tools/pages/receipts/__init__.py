"""Receipts and reports of a till: one document, shown on the screen, as PDF, and on a receipt printer."""
