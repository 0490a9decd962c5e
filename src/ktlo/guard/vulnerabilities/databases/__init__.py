"""Advisory databases: mirrors on disk (folder, zip, tar, git checkout) behind a local index, and the OSV API."""
