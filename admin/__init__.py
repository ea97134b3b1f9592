"""What officials get: cases, their acts, the admin chat."""
