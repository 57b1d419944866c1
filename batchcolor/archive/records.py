"""What is written of a finished result beside its pixels: signed content credentials, and a JSON sidecar."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from ..errors import BatchcolorError, UsageError
from ..provenance import of_weights
from ..provenance.content_credentials import Signer
from ..provenance.sidecar import write_sidecar
from ..settings import ModelSettings, RunOptions
from .outcome import Outcome, Status, failed
from .plan import Item


@dataclass(frozen=True, slots=True)
class Records:
    """signer: signs content credentials, if set; sidecar: whether each result gets a JSON file."""

    signer: Signer | None = None
    sidecar: bool = False

    def __bool__(self) -> bool:
        """Whether anything is to be written."""
        return self.signer is not None or self.sidecar

    @classmethod
    def of(cls, options: RunOptions) -> Records:
        """The records that the options select. Raises `UsageError` where there is no certificate, key or package to sign with."""
        certificate, key = options.c2pa_certificate, options.c2pa_key
        if (certificate is None) != (key is None):
            raise UsageError("--c2pa-certificate and --c2pa-key belong together; give both")
        signer = None if certificate is None or key is None else Signer(certificate, key)
        if signer is not None:
            signer.check()
        return cls(signer, options.sidecar)

    def write(self, item: Item, outcome: Outcome, model: ModelSettings) -> Outcome:
        """Write the records of one result; the outcome stays, or becomes the error that kept them from being written.

        A result that was to be signed, and could not be, is removed: no unsigned result may look like a signed one.
        """
        if outcome.status is not Status.DONE or not self:
            return outcome
        settings = dataclasses.replace(item.settings, model=model)
        try:
            provenance = of_weights(model.weights, settings.photo.source_type)
            if self.signer is not None:
                try:
                    self.signer.sign(item.target, provenance)
                except BatchcolorError:
                    item.target.unlink(missing_ok=True)
                    raise
            if self.sidecar:
                more = {"film": outcome.film} if outcome.film else {}
                write_sidecar(item.source, item.target, settings, provenance, warnings=outcome.warnings, more=more)
        except BatchcolorError as exc:
            return failed(item, exc, outcome.seconds, outcome.source_stamp)
        return outcome
