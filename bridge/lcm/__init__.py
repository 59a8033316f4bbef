"""The LCM WebService over HTTP: WCF's JSON wire format, time-outs, bounds, log-in."""
