"""From frames to a film file: encoding, the other streams, joining segments."""
