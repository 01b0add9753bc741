"""Pure knowledge that both ends share: quantities, points, limits, alarms, device profiles."""
