"""What the office has published, and how a citizen's question finds it.

This package stands alone: it imports nothing else of the project.  It never
invents a sentence; everything it hands out is an article word for word.
"""
