"""What a target promises (the contracts of direct and of durable runs) from every login shell, with every `sh`."""
