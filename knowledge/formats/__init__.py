"""Formats: the kinds of files in which articles come and go, one file of ours for each.

JSONL (one object a line), CSV and XLSX (a header row) and Markdown (front matter) carry the same
keys: ``id`` and ``answer``, and optionally ``question``, ``category``, ``department``,
``phrasings``, ``lang``, ``source`` (a link or a title), ``source_title``, ``source_url``,
``date``, ``valid_from``, ``valid_to``, ``supersedes``.  Other keys are passed over.  DOCX and PDF
give passages.
"""
