"""Where a number came from: questions, their results as artifacts, insights, and the hashes that tie them together."""
