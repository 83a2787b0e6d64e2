"""Files of other programs, read into nouns of the model. No database, no network; `service.local` calls it."""
