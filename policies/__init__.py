"""What people may do in places: roles, rules, role assignments, shares, decisions and the audit trail."""
