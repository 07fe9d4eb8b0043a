"""The head-end: managed accounts, meters at a broker, orders to meters, payments from outside, messages to customers.

It works on the office's record, by the office's actions. Its processes have no state: each of them may end at any
instant, and each step is one transaction.
"""
