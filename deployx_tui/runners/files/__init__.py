"""Files on a target: put there whole, verified and reversibly. `run.py` and `rollback.py` are what others call."""
