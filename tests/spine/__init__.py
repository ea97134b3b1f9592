"""The spine and the cases under everything that can happen, in any order."""
