"""Host tools of the Wattpurse meter: the wattpurse command."""
