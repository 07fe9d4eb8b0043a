"""The views: each reads a request, calls one action, and shows a template. They have no rules of money."""
