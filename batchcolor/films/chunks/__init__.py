"""A film as jobs: chunks, the job that colours one, the segments that wait to be joined."""
