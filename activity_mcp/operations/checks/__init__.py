"""What ``doctor`` examines, one module a part. ``operations/doctor`` says how to add one."""
