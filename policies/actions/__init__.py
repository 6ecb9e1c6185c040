"""Every write of the product: one function each, keyword-only, that checks, does and audits in one transaction."""
