"""Views derived from the archive: time series, latest, alarms, live stream, webhooks."""
