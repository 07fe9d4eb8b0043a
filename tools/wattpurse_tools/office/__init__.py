"""The office: the actions of selling and of keeping the record. The command line, the pages and the API call them."""
