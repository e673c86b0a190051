"""`fusion_net`: message passing with fusion diagrams, the project's own architecture.

Each layer sums an edge diagram over neighbours and evaluates node diagrams on the result; learnable channel matrices
act on every internal leg (Li, Pengmei et al., Mach. Learn.: Sci. Technol. 5, 025044 (2024)). With
`internal_mixing: false` and untruncated internal legs the products span MACE's product basis (Batatia et al., NeurIPS
2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, List, cast

import torch
from torch import Tensor, nn

from fusionmd.errors import ConfigError
from fusionmd.fusion.basis import n_components
from fusionmd.fusion.reach import by_parity
from fusionmd.models.fusion_layer import fusion_layer
from fusionmd.models.fusion_net_config import FusionNetConfig
from fusionmd.nn.harmonics import CartesianHarmonics
from fusionmd.nn.layer import Layer
from fusionmd.nn.linear import ChannelMixing
from fusionmd.nn.native.edge_basis import NativeEdgeBasis
from fusionmd.nn.native.layer import NativeLayer, has_native_form
from fusionmd.nn.native.lines import first_nodes, joined, parted
from fusionmd.nn.native.mixing import NativeMixing
from fusionmd.nn.odd_outputs import OddOutputs
from fusionmd.nn.radial import BesselBasis, PolynomialCutoff
from fusionmd.nn.readout import LinearReadout, NetworkReadout
from fusionmd.nn.repulsion import ZBLRepulsion
from fusionmd.nn.scale_shift import ScaleShift
from fusionmd.nn.species_spread import narrow_
from fusionmd.o3.irreps import Irrep, Irreps
from fusionmd.o3.spherical_harmonics import SphericalHarmonics
from fusionmd.potential.contract import IdentityExchange

PSEUDOSCALAR = Irrep(0, -1)


def fusion_net(config: FusionNetConfig, *, elements: Sequence[int], statistics: Mapping[str, Any]) -> FusionNet:
    """The network for `elements` with random weights."""
    return FusionNet(config, elements, statistics)


class FusionNet(nn.Module):
    """Satisfies the model contract of `fusionmd.potential.contract`; energies in eV."""

    def __init__(self, config: FusionNetConfig, elements: Sequence[int], statistics: Mapping[str, Any]) -> None:
        super().__init__()
        hidden = sorted((irrep for _, irrep in Irreps(config.hidden_irreps)), key=by_parity)
        invariant = [Irrep(0, 1)]
        mean_degree = float(statistics.get("mean_degree", 1.0))
        self.cutoff: float = float(config.cutoff)
        self.n_hops: int = config.n_layers
        self.n_outputs: int = config.n_outputs
        self.supports_exchange: bool = True
        self.elements: List[int] = [int(z) for z in elements]
        self.n_species = len(self.elements)
        self.exchange = IdentityExchange()
        self.harmonics = SphericalHarmonics(config.l_max)
        self.in_basis = CartesianHarmonics(config.l_max) if config.basis == "cartesian" else nn.Identity()
        self.basis = BesselBasis(config.cutoff, config.n_basis)
        self.envelope = PolynomialCutoff(config.cutoff, config.cutoff_power)
        self.embedding = nn.Parameter(torch.randn(self.n_species, 1, config.n_channels))
        final = [*invariant, PSEUDOSCALAR] if config.odd_outputs else invariant
        layers, ups, readouts = [], [], []
        for t in range(config.n_layers):
            is_last = t == config.n_layers - 1
            irreps_in, target = (invariant if t == 0 else hidden), (final if is_last else hidden)
            layers.append(fusion_layer(config, irreps_in, target, self.n_species, mean_degree, has_skip=t > 0))
            c, n = config.n_channels, config.n_outputs
            ups.append(ChannelMixing(irreps_in, c, c, basis=config.basis))
            readouts.append(NetworkReadout(c, config.readout_width, n) if is_last else LinearReadout(c, n))
        targets = [hidden] * (config.n_layers - 1) + [final]
        dims = [[n_components(irrep, config.basis) for irrep in target] for target in targets]
        self.layer_dims: List[int] = [sum(sizes) for sizes in dims]
        self.odd_rows: List[int] = [
            sum(sizes[: target.index(PSEUDOSCALAR)]) if config.odd_outputs and PSEUDOSCALAR in target else -1
            for target, sizes in zip(targets, dims, strict=True)
        ]
        self.layers, self.ups, self.readouts = nn.ModuleList(layers), nn.ModuleList(ups), nn.ModuleList(readouts)
        self.scale_shift = ScaleShift(self.elements, config.n_outputs, statistics)
        self.odd = _odd_outputs(config, [t for t, row in enumerate(self.odd_rows) if row >= 0])
        self.repulsion = ZBLRepulsion(self.elements) if config.repulsion else None
        narrow_([self.get_parameter(name) for name in self.species_parameters()], config.species_spread)

    def forward(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        """Interaction energies [n_local, n_outputs], eV; arguments as in the model contract."""
        readings = self._readings(edge_vectors, senders, slots, species, n_local)
        total = self.readouts[0](readings[0])
        for t, readout in enumerate(self.readouts):
            if t > 0:
                total = total + readout(readings[t])
        energies = self.scale_shift(total, species[:n_local])
        if self.odd is not None:
            energies = self.odd(energies, readings, self.scale_shift.scale)
        if self.repulsion is not None:
            energies = energies + self.repulsion(edge_vectors, senders, receivers, slots, species, n_local)
        return energies

    @torch.jit.unused
    def native(self) -> nn.Module | None:
        """The same network in native operations, on the same parameters; None if some part has no such form."""
        layers = cast(Sequence[Layer], self.layers)
        has_form = self.harmonics.l_max <= 3 and all(map(has_native_form, layers))
        return NativeFusionNet(self).to(self.embedding) if has_form else None

    @torch.jit.unused
    def species_parameters(self) -> list[str]:
        """Names of the weights that elements, or pairs of them, have of their own: one row each."""
        theirs = ("embedding", ".product.weights.", ".skip_scale", ".pair_shift")
        return [n for n, p in self.named_parameters() if p.numel() and any(part in n for part in theirs)]

    @torch.jit.unused
    def learning_rate_scales(self) -> dict[str, float]:
        """1/sqrt(fan-in) of each weight, its initial spread; 0.1 for scales and shifts."""
        slow = ("skip_scale", "scale_shift.shift")
        return {
            name: 0.1 if name.endswith(slow) else max(p.shape[-2], 1) ** -0.5 for name, p in self.named_parameters()
        }

    @torch.jit.export
    def descriptors(
        self, edge_vectors: Tensor, senders: Tensor, receivers: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> Tensor:
        """Invariant features of all layers [n_local, n_layers * n_channels]."""
        return torch.cat(self._readings(edge_vectors, senders, slots, species, n_local)[: self.n_hops], 1)

    def _readings(
        self, edge_vectors: Tensor, senders: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> List[Tensor]:
        """Scalars after each layer, then pseudoscalars of those layers whose outputs want them, each [n_local, c].

        Slots beyond a node's degree see a far edge, whose weights vanish.
        """
        n, d = slots.size(0), slots.size(1)
        far = torch.full([1, 3], self.cutoff, dtype=edge_vectors.dtype, device=edge_vectors.device)
        vectors = torch.cat([edge_vectors, far]).index_select(0, slots.view(-1))
        others = torch.cat([senders, senders.new_zeros([1])]).index_select(0, slots.view(-1))
        pairs = (species.view(n, 1) * self.n_species).expand(n, d).reshape(-1) + species.index_select(0, others)
        distances = torch.sqrt((vectors * vectors).sum(1, keepdim=True))
        basis, envelope = self.basis(distances), self.envelope(distances)
        harmonics = self.in_basis(self.harmonics.of_directions(vectors / distances))
        harmonics = harmonics.view(n, d, harmonics.size(1))
        h = self.embedding.index_select(0, species)
        readings: List[Tensor] = []
        odd: List[Tensor] = []
        for t, (layer, up) in enumerate(zip(self.layers, self.ups)):
            m = n_local if t == self.n_hops - 1 else n
            mixed = up(h)
            if t > 0:
                mixed = self.exchange(mixed.flatten(1)).view(mixed.size())
            neighbors = mixed.index_select(0, others[: m * d])
            if m > 0:
                h = layer(
                    h[:m], neighbors, species[:m], harmonics[:m], basis[: m * d], envelope[: m * d], pairs[: m * d]
                )
            else:  # a rank or block without atoms still takes part in every exchange
                h = h.new_zeros([0, self.layer_dims[t], h.size(2)])
            readings.append(h[:n_local, 0])
            if self.odd_rows[t] >= 0:
                odd.append(h[:n_local, self.odd_rows[t]])
        return readings + odd


class NativeFusionNet(FusionNet):
    """`FusionNet` in native operations, which know nothing of padded slots: rows are edges."""

    def __init__(self, source: FusionNet) -> None:
        nn.Module.__init__(self)
        self.exchanges: bool = not isinstance(source.exchange, IdentityExchange)
        for name in (
            "cutoff",
            "n_hops",
            "n_outputs",
            "supports_exchange",
            "elements",
            "n_species",
            "layer_dims",
            "odd_rows",
        ):
            setattr(self, name, getattr(source, name))
        for name in ("exchange", "readouts", "scale_shift", "odd", "repulsion", "embedding"):
            setattr(self, name, getattr(source, name))
        in_basis = cast(nn.Identity, source.in_basis)
        self.edge_basis = NativeEdgeBasis(source.harmonics, in_basis, source.basis, source.envelope)
        layers = cast(Sequence[Layer], source.layers)
        self.n_channels = source.embedding.size(2)
        self.layers = nn.ModuleList(NativeLayer(layer) for layer in layers)
        self.ups = nn.ModuleList(NativeMixing(up, self.n_channels) for up in cast(Sequence[ChannelMixing], source.ups))

    def _readings(
        self, edge_vectors: Tensor, senders: Tensor, slots: Tensor, species: Tensor, n_local: int
    ) -> List[Tensor]:
        """As in `FusionNet`; the edges of a node follow one another, features are flat lines."""
        n, n_edges, c = slots.size(0), senders.size(0), self.n_channels
        offsets = torch.nn.functional.pad((slots < n_edges).sum(1).cumsum(0), [1, 0])
        receivers = torch.repeat_interleave(torch.arange(n, device=slots.device), offsets[1:] - offsets[:-1])
        pairs = species.index_select(0, receivers) * self.n_species + species.index_select(0, senders)
        harmonics, basis, envelope = self.edge_basis(edge_vectors)
        h = self.embedding.index_select(0, species).reshape(-1)
        readings: List[Tensor] = []
        odd: List[Tensor] = []
        for t, (layer, up) in enumerate(zip(self.layers, self.ups)):
            m = n_local if t == self.n_hops - 1 else n
            e = n_edges if m == n else int(offsets[m])
            mixed = up(h)
            rows: List[int] = layer.rows_in  # type: ignore[assignment]
            if t > 0 and self.exchanges:
                mixed = joined(self.exchange(parted(mixed, rows, n)), rows)
            if m > 0:
                h = layer(
                    first_nodes(h, rows, n, m), mixed, _first(species, m), _first(senders, e),
                    _first(offsets, m + 1), _first(harmonics, e), _first(basis, e), _first(envelope, e),
                    _first(pairs, e),
                )  # fmt: skip
            else:
                h = h.new_zeros([0])
            readings.append(_first(h.narrow(0, 0, m * c).view(m, c), n_local))
            if self.odd_rows[t] >= 0:
                odd.append(_first(h.narrow(0, self.odd_rows[t] * m * c, m * c).view(m, c), n_local))
        return readings + odd


def _odd_outputs(config: FusionNetConfig, layers: Sequence[int]) -> OddOutputs | None:
    """What makes the outputs that change sign under reflection; ConfigError if there is no such output."""
    beyond = [k for k in config.odd_outputs if not 0 <= k < config.n_outputs]
    if beyond:
        raise ConfigError(f"model.odd_outputs: {beyond} of outputs 0..{config.n_outputs - 1}; take them out")
    if not config.odd_outputs:
        return None
    return OddOutputs(
        config.n_channels, config.readout_width, config.n_outputs, config.odd_outputs, config.n_layers, layers
    )


def _first(x: Tensor, n: int) -> Tensor:
    """The first n rows; x itself if it has no more, which saves its gradient a copy."""
    return x if x.size(0) == n else x[:n]
