"""Report model, templates, renderers."""
