package lgtask

// keepInherited has nothing to do: no worker is started on Windows.
func keepInherited() {}
