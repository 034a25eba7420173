"""Is it recording, is it flowing, is it fresh: one status document, judged once for status, doctor, the tool and monitors."""
