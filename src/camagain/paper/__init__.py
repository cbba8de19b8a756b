"""What a reader sees: tables, figures, report, manifest. Reads artifacts, never models; never imports torch."""
