import numpy as np
import pytest
import torch

from fusionmd.graph import graph_of
from fusionmd.structure import Structure
from fusionmd.training.batches import collate, counts_of, shapes_of
from fusionmd.training.epochs import TrainingBatches, epoch_order
from fusionmd.training.losses import loss_terms, penalty
from fusionmd.training.prediction import predict
from fusionmd.training.samples import Sample
from fusionmd.training.step import flat_training_step, loss_and_gradients
from tests.toy_model import TwoHopToyModel
from tests.training.toy import E0, morse_frame

WEIGHTS = torch.tensor([1.0, 10.0, 100.0, 0.0, 0.0], dtype=torch.float64)


def model_of(n_outputs: int = 1) -> TwoHopToyModel:
    return TwoHopToyModel(cutoff=3.0, dim=4, n_outputs=n_outputs).double()


def sample(rng, model, n_atoms, *, cell=0.0, weight=1.0, structure=None) -> Sample:
    atoms = morse_frame(rng, n_atoms, cell=cell)
    structure = structure or Structure.from_ase(atoms)
    n_states = model.n_outputs
    energy = atoms.get_potential_energy() - sum(E0[z] for z in atoms.numbers)
    return Sample(
        graph_of(structure, model.elements, model.cutoff),
        np.full(n_states, energy),
        np.repeat(atoms.get_forces()[None], n_states, 0),
        np.full((3, 3), 0.01) if cell else np.full((3, 3), np.nan),
        (weight, weight, weight),
    )


def tensors(model):
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def evaluated(model, samples, shapes=None):
    batch = collate(samples, shapes or shapes_of(samples, len(samples)))
    return batch, predict(model, tensors(model), batch, is_differentiable=True)


@pytest.mark.parametrize("n_states", [1, 2])
def test_forces_are_minus_the_energy_gradient(n_states):
    model, rng = model_of(n_states), np.random.default_rng(0)
    structure = Structure.from_ase(morse_frame(rng, 4))
    _, prediction = evaluated(model, [sample(rng, model, 4, structure=structure)])
    shift = np.zeros((4, 3))
    shift[2, 1] = 1e-4

    def energies(sign):
        moved = Structure(structure.numbers, structure.positions + sign * shift)
        return evaluated(model, [sample(rng, model, 4, structure=moved)])[1].energies[0].detach()

    slope = (energies(1) - energies(-1)) / 2e-4
    assert torch.allclose(prediction.forces[:, 2, 1], -slope, atol=1e-7)


def test_stress_is_the_strain_derivative_over_the_volume():
    model, rng = model_of(), np.random.default_rng(1)
    atoms = morse_frame(rng, 5, cell=4.5)
    stress = evaluated(model, [sample(rng, model, 5, structure=Structure.from_ase(atoms))])[1].stress[0]
    strain = np.zeros((3, 3))
    strain[0, 1] = strain[1, 0] = 0.5e-4

    def energy(sign):
        deformed = atoms.copy()
        deformed.set_cell(atoms.cell.array @ (np.eye(3) + sign * strain), scale_atoms=True)
        return evaluated(model, [sample(rng, model, 5, structure=Structure.from_ase(deformed))])[1].energies.item()

    slope = (energy(1) - energy(-1)) / 2e-4 / atoms.get_volume()
    assert abs(slope) > 1e-6
    assert stress[0, 1].item() == pytest.approx(slope, abs=1e-8)
    assert torch.equal(stress, stress.T)


def test_parameter_gradients_are_those_of_finite_differences():
    model, rng = model_of(), np.random.default_rng(2)
    samples = [sample(rng, model, 4), sample(rng, model, 5, cell=4.5)]
    batch = collate(samples, shapes_of(samples, 2))
    names = tuple(name for name, _ in model.named_parameters())
    result = loss_and_gradients(model, tensors(model), batch, WEIGHTS, trained=names)
    for name, gradient in zip(names, result.gradients, strict=True):
        parameter = dict(model.named_parameters())[name]
        place = int(gradient.abs().argmax())
        losses = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter.view(-1)[place] += step
            losses.append(loss_and_gradients(model, tensors(model), batch, WEIGHTS, trained=names).loss.item())
            with torch.no_grad():
                parameter.view(-1)[place] -= step
        slope = (losses[0] - losses[1]) / 2e-5
        assert gradient.view(-1)[place].item() == pytest.approx(slope, rel=1e-6, abs=1e-7), name


def test_padding_changes_nothing():
    model, rng = model_of(), np.random.default_rng(3)
    samples = [sample(rng, model, n, cell=cell) for n, cell in ((3, 0.0), (5, 4.5), (1, 0.0))]
    shapes = shapes_of(samples, 3)._replace(n_structures=5, n_nodes=17, n_edges=400, max_degree=80)
    _, tight = evaluated(model, samples)
    batch, loose = evaluated(model, samples, shapes)
    assert torch.allclose(loose.energies[:3], tight.energies, atol=1e-12) and not loose.energies[3:].any()
    assert torch.allclose(loose.forces[:, :9], tight.forces[:, :9], atol=1e-12) and not loose.forces[:, 9:].any()
    assert torch.allclose(loose.stress[:3], tight.stress, atol=1e-12) and tight.stress[1].any()
    singles = [evaluated(model, [s])[1].energies[0] for s in samples]
    assert torch.allclose(torch.stack(singles), tight.energies, atol=1e-12)
    terms = loss_terms(loose, batch)
    assert torch.allclose(terms, loss_terms(tight, collate(samples, shapes_of(samples, 3))), atol=1e-12)


def test_loss_terms_are_means_over_what_is_labelled():
    model, rng = model_of(), np.random.default_rng(4)
    full, partial = sample(rng, model, 3), sample(rng, model, 4, weight=2.0)
    partial.forces[:, 1:] = np.nan
    silent = sample(rng, model, 3)
    silent.energies[:], silent.forces[:] = np.nan, np.nan
    batch, prediction = evaluated(model, [full, partial, silent])
    energy, forces = prediction.energies[:, 0].detach().numpy(), prediction.forces[0].detach().numpy()
    energy_errors = np.array([energy[0] - full.energies[0], energy[1] - partial.energies[0]])
    expected_energy = (energy_errors**2 * [1, 2]).sum() / 2
    expected_forces = ((forces[:3] - full.forces[0]) ** 2).sum() + 2 * ((forces[3] - partial.forces[0, 0]) ** 2).sum()
    terms = loss_terms(prediction, batch)
    assert terms.tolist() == pytest.approx([expected_energy, expected_forces / 12, 0.0, 0.0, 0.0])


@pytest.mark.parametrize(("energy_per", "power"), [("structure", 0), ("sqrt_atom", -0.5), ("atom", -1)])
def test_energy_errors_can_count_per_atom(energy_per, power):
    model, rng = model_of(), np.random.default_rng(5)
    samples = [sample(rng, model, 3), sample(rng, model, 5)]
    batch = collate(samples, shapes_of(samples, 2), energy_per=energy_per)
    prediction = predict(model, tensors(model), batch)
    errors = (prediction.energies - batch.energies)[:, 0].detach().numpy() * np.array([3.0, 5.0]) ** power
    assert loss_terms(prediction, batch)[0].item() == pytest.approx((errors**2).mean())


def test_huber_is_quadratic_then_linear_with_a_continuous_slope():
    x = torch.tensor([-3.0, -0.5, 0.2, 1.0, 2.0], dtype=torch.float64, requires_grad=True)
    values = penalty(x, 1.0)
    assert values.tolist() == pytest.approx([5.0, 0.25, 0.04, 1.0, 3.0])
    slopes = torch.autograd.grad(values.sum(), x)[0]
    assert slopes.tolist()[:3] + slopes.tolist()[4:] == pytest.approx([-2.0, -1.0, 0.4, 2.0])


def test_frozen_parameters_get_no_gradient():
    model, rng = model_of(), np.random.default_rng(6)
    samples = [sample(rng, model, 4)]
    all_tensors = tensors(model)
    step = flat_training_step(model, tuple(all_tensors), ("own",), head=None, huber=None)
    loss, terms, *gradients = step(*all_tensors.values(), *collate(samples, shapes_of(samples, 1)), WEIGHTS)
    assert len(gradients) == 1 and gradients[0].shape == model.own.shape and gradients[0].any()


def test_epoch_order_depends_on_seed_and_epoch_alone():
    orders = [tuple(epoch_order(20, seed=seed, epoch=epoch)) for seed in (1, 2) for epoch in (0, 1)]
    assert len(set(orders)) == 4 and all(sorted(order) == list(range(20)) for order in orders)
    assert tuple(epoch_order(20, seed=1, epoch=1)) == orders[1]


@pytest.mark.parametrize("mix_sizes", [False, True])
@pytest.mark.parametrize("n_ranks", [2, 4, 5])
def test_ranks_share_every_batch_and_gradients_add_up(n_ranks, mix_sizes):
    model, rng = model_of(), np.random.default_rng(7)
    samples = [sample(rng, model, 3 + i % 3, weight=1.0 + i) for i in range(7)]
    samples[2].forces[:, 0] = np.nan
    names = tuple(name for name, _ in model.named_parameters())

    def gradients(rank, n):
        device, kind = torch.device("cpu"), torch.float64
        settings = {"seed": 1, "dtype": kind, "device": device, "energy_per": "atom", "mix_sizes": mix_sizes}
        source = TrainingBatches(samples, 4, **settings, rank=rank, n_ranks=n)
        found = []
        for index in range(source.n_batches):
            step = loss_and_gradients(model, tensors(model), source.batch(3, index), WEIGHTS, trained=names)
            found.append(torch.cat([g.reshape(-1) for g in step.gradients]))
        return torch.stack(found)

    together = sum(gradients(rank, n_ranks) for rank in range(n_ranks))
    alone = gradients(0, 1)
    assert alone.abs().max() > 1
    assert torch.allclose(together, alone, rtol=1e-12, atol=1e-12)


def test_counts_are_at_least_one():
    rng, model = np.random.default_rng(8), model_of()
    assert counts_of([sample(rng, model, 3)]) == (1, 9, 1, 1, 1)
