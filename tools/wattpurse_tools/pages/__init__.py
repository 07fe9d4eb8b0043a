"""The pages of the office: for cashiers, the office, managers and tenants."""
