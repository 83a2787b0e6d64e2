"""SSH, on paramiko's Transport. `transport.SshTransport` is the way in; nothing else is for other floors."""
