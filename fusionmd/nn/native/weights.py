"""The parameters of a layer under the names that they have in their source, and nothing else of it."""

from typing import List

from torch import Tensor, nn

from fusionmd.fusion.contraction import Contraction
from fusionmd.nn.centered_sum import CenteredSum
from fusionmd.nn.layer import Layer
from fusionmd.nn.message_sum import MessageSum
from fusionmd.nn.radial import RadialNetwork


class Weights(nn.Module):
    """The matrices `weights` of a module; none if it has none."""

    def __init__(self, source: nn.Module) -> None:
        super().__init__()
        self.weights = getattr(source, "weights", nn.ParameterList())

    def forward(self) -> List[Tensor]:
        """All of them."""
        found: List[Tensor] = []
        for weight in self.weights:
            found.append(weight)
        return found


class StepWeights(nn.Module):
    """The channel matrices of one vertex."""

    def __init__(self, source: nn.Module) -> None:
        super().__init__()
        self.mixing = Weights(source.mixing)  # type: ignore[arg-type]

    def forward(self) -> List[Tensor]:
        """All of them."""
        return self.mixing()


class ContractionWeights(nn.Module):
    """The channel matrices of all vertices."""

    def __init__(self, source: Contraction) -> None:
        super().__init__()
        self.steps = nn.ModuleList(StepWeights(step) for step in source.steps)

    def forward(self) -> List[Tensor]:
        """All of them."""
        found: List[Tensor] = []
        for step in self.steps:
            found.extend(step())
        return found


class MessageWeights(nn.Module):
    """The channel matrices on the edge diagram."""

    def __init__(self, source: MessageSum) -> None:
        super().__init__()
        self.mixing: Weights
        self.contraction: Weights | ContractionWeights
        if isinstance(source, CenteredSum):
            self.mixing, self.contraction = Weights(source.mixing), ContractionWeights(source.contraction)
        else:
            self.mixing = self.contraction = Weights(nn.Identity())

    def forward(self) -> List[Tensor]:
        """All of them."""
        return self.mixing() + self.contraction()


class ProductWeights(nn.Module):
    """Path weights and channel matrices of the products."""

    def __init__(self, source: nn.Module) -> None:
        super().__init__()
        self.weights = source.weights
        self.contraction = ContractionWeights(source.contraction)  # type: ignore[arg-type]

    def forward(self) -> List[Tensor]:
        """The path weights [n_species, 1, n_paths, c]."""
        found: List[Tensor] = []
        for weight in self.weights:  # type: ignore[union-attr]
            found.append(weight)
        return found


class RadialWeights(nn.Module):
    """The matrices of the radial network; `pair_shift` belongs to them."""

    def __init__(self, source: RadialNetwork) -> None:
        super().__init__()
        self.hidden, self.last, self.pair_shift = source.hidden, source.last, source.pair_shift

    def forward(self) -> List[Tensor]:
        """Those of the hidden layers, then that which makes path weights."""
        found: List[Tensor] = []
        for weight in self.hidden:
            found.append(weight)
        found.append(self.last)
        return found


class LayerWeights(nn.Module):
    """All of a layer."""

    def __init__(self, source: Layer) -> None:
        super().__init__()
        self.radial = RadialWeights(source.radial)
        self.message_sum = MessageWeights(source.message_sum)
        self.product = ProductWeights(source.product)
        self.mixing, self.out = Weights(source.mixing), Weights(source.out)
        self.center, self.skip = Weights(source.center), Weights(source.skip)
        self.skip_scale = source.skip_scale

    def matrices(self) -> List[Tensor]:
        """Those of the radial network first, then channel matrices [(n_paths, c), c]."""
        product = self.product.contraction()
        return self.radial() + self.message_sum() + self.mixing() + product + self.out() + self.center() + self.skip()

    def scales(self) -> List[Tensor]:
        """Path weights [n_species, ..., c]."""
        return self.product() + [self.skip_scale]
