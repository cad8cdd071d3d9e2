"""What the application does. Nothing here knows HTTP or Lambda; faults are `chalicelib.faults.Fault`."""
