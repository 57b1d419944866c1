"""The review page: a local web application to look through an output tree, say what is wrong, and see it change.

`server.py` lets in requests on 127.0.0.1 alone, `api.py` answers them; `library.py` lists the items of the manifest and keeps marks;
`edits.py` reads and changes files of chosen colours; `live.py` answers with a preview in a fraction of a second; `shots.py`, `carried.py`
and `clips.py` know about films; `redo.py` runs the changed items again.
"""

from __future__ import annotations
