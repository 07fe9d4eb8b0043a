"""The vending station: cards, tokens, receipts and reports on the office's record.

A program sets Django up (`record.office_folder.configure`) before it imports a module that uses the record's models.
"""
