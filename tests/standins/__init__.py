"""Stand-ins for services that no test can reach: they run in processes of their own and are met by the genuine clients."""
