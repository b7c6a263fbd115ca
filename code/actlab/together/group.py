"""Networks of one shape as common tensors, and a training step of all at once.

Weights have shape (networks, outputs, inputs), pre-activations (networks, units,
examples); each activation works on its own networks' slice.  Products and loss go back
by written-out rules, activations by autograd.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional as F

from .. import training
from ..datasets import Dataset
from ..networks import MLP
from . import products
from .eligible import unique
from .steppers import Slot, Stepper, stepper_of
from .tasks import Task, linears_of

__all__ = ["EVALUATION_BATCH", "Group"]

EVALUATION_BATCH = 256  # rows at a time


class _Family:
    """Networks side by side whose activations are one function, parameters aside."""

    def __init__(self, networks: list[MLP], where: slice, stepper: Stepper) -> None:
        self.networks, self.where = networks, where
        self.found: dict[Slot, list[Tensor]] = {}
        first = unique(networks[0])
        places = {id(f): place for place, f in enumerate(first)}
        self.places = [places[id(f)] for f in networks[0].activations]
        self.modules = [copy.deepcopy(f) for f in first]
        stacks = [self._stack(place) for place in range(len(first))]
        self.slots = [
            {
                name: Slot(value, where, stepper.keep, stepper.averages)
                for name, value in stack.items()
                if self._of(place, 0)[name].requires_grad
            }
            for place, stack in enumerate(stacks)
        ]
        self.stacks = [
            {name: v.requires_grad_(name in slots) for name, v in stack.items()}
            for stack, slots in zip(stacks, self.slots)
        ]

    def _of(self, place: int, network: int) -> dict[str, nn.Parameter]:
        return dict(unique(self.networks[network])[place].named_parameters())

    def _stack(self, place: int) -> dict[str, Tensor]:
        """Put each parameter of one activation module of all networks into a tensor."""
        owned = [self._of(place, n) for n in range(len(self.networks))]
        stacks = {}
        for name in owned[0]:
            stacks[name] = torch.stack([own[name].detach() for own in owned])
            for own, row in zip(owned, stacks[name]):
                own[name].data = row
        return stacks

    def __call__(self, layer: int, z: Tensor) -> Tensor:
        """Return the activations of one layer, in the shape of ``z``."""
        place = self.places[layer]
        function, stack = self.modules[place], self.stacks[place]
        if not stack:
            return function(z)
        return vmap(lambda p, z: functional_call(function, p, (z,)))(stack, z)

    def back(self, layer: int, z: Tensor, output: Tensor, error: Tensor) -> Tensor:
        """Return the error before the activation; keep its parameters' gradients."""
        place = self.places[layer]
        learnt = [self.stacks[place][name] for name in self.slots[place]]
        before, *gradients = torch.autograd.grad(
            output, [z, *learnt], error, allow_unused=True
        )
        for slot, gradient in zip(self.slots[place].values(), gradients):
            if gradient is not None:
                self.found.setdefault(slot, []).append(gradient)
        return torch.zeros_like(z) if before is None else before

    def collect(self) -> list[Slot]:
        """Put the gradients of all layers into the slots; return those that got any."""
        slots = list(self.found)
        for slot, gradients in self.found.items():
            slot.add(sum(gradients[1:], start=gradients[0]))
        self.found.clear()
        return slots

    def learn(self, mode: bool) -> None:
        """Set the modules to training or to evaluation."""
        for module in self.modules:
            module.train(mode)


class _Room:
    """Memory for one batch of ``rows`` examples, used again for each batch."""

    def __init__(self, group: Group, rows: int, x_rows: int, errors: bool) -> None:
        def empty(*shape: int) -> Tensor:
            return torch.empty(shape, dtype=group.dtype, device=group.device)

        def layers(units: list[int]) -> list[Tensor]:
            return [empty(len(group.tasks), unit, rows) for unit in units]

        inputs, *units = group.sizes
        self.rows = rows
        self.x = empty(x_rows, rows, inputs)
        self.inputs = products.Shared(self.x.transpose(1, 2), group.blocks)
        self.z = layers(units)
        # One function for all: its own output serves.
        single = len(group.families) == 1
        self.h: dict[int, Tensor] = {}
        if not single:
            self.h.update(enumerate(layers(units[:-1])))
        self.errors = layers(units[:-1]) if errors else []
        self.y = group.data.y_train.new_empty(
            x_rows, rows, *group.data.y_train.shape[1:]
        )


class Group:
    """Networks of one shape, one optimiser and one momentum, as common tensors."""

    def __init__(
        self,
        tasks: list[Task],
        data: Dataset,
        criterion: training.Criterion,
        device: torch.device,
    ) -> None:
        self.tasks, self.data, self.device = tasks, data, device
        self.classes = criterion is F.cross_entropy
        self.networks = [task.mlp for task in tasks]
        settings = tasks[0].settings
        self.batch_size, self.epochs = settings["batch_size"], settings["epochs"]
        self.stepper = stepper_of(settings)
        linears = linears_of(self.networks[0])
        self.dtype = linears[0].weight.dtype
        self.sizes = [linears[0].in_features, *(m.out_features for m in linears)]
        self._check_targets()
        self._take_parameters()
        self.families = [
            _Family([task.mlp for task in same], where, self.stepper)
            for same, where in _stretches(tasks, lambda task: task.structure)
        ]
        self._prepare_batches()
        self._prepare_clock()
        self.rooms: dict[int, _Room] = {}
        self.graphs: dict[int, torch.cuda.CUDAGraph] = {}

    def _check_targets(self) -> None:
        """Raise the error of a single run for targets of a wrong size."""
        if not self.classes:
            few = self.data.y_train[:2]
            output = few.new_empty(len(few), self.sizes[-1])
            training.mean_squared_error(output, few)

    def _take_parameters(self) -> None:
        """Move weights and biases into common tensors, which the networks then see."""
        everyone, stepper = slice(0, len(self.tasks)), self.stepper
        linears = [linears_of(network) for network in self.networks]
        self.weights, biases = [], []
        for layer in range(len(self.sizes) - 1):
            own = [maps[layer] for maps in linears]
            weight = torch.stack([linear.weight.detach() for linear in own])
            for linear, row in zip(own, weight):
                linear.weight.data = row
            slot = Slot(weight, everyone, stepper.keep, stepper.averages)
            self.weights.append(slot)
            biases.append(torch.stack([linear.bias.detach() for linear in own]))
        bias = torch.cat(biases, 1)
        self.bias = Slot(bias, everyone, stepper.keep, stepper.averages)
        self.bias_gradient = torch.zeros_like(bias)
        self.spans = torch.tensor([0, *self.sizes[1:]]).cumsum(0).tolist()
        for layer in range(len(self.sizes) - 1):
            for maps, row in zip(linears, self._of_layer(bias, layer)):
                maps[layer].bias.data = row

    def _of_layer(self, biases: Tensor, layer: int) -> Tensor:
        return biases[:, self.spans[layer] : self.spans[layer + 1]]

    def _prepare_batches(self) -> None:
        """Say which network gets which batch: one seed, one batch."""
        seeds = [task.settings["seed"] for task in self.tasks]
        distinct = list(dict.fromkeys(seeds))
        self.generators = [torch.Generator().manual_seed(seed) for seed in distinct]
        batch = [distinct.index(seed) for seed in seeds]
        self.batch_of = torch.tensor(batch, device=self.device)
        stretches = _stretches(batch, lambda b: b)
        # Few stretches: one gathered batch each. Many: gather for each network.
        self.by_network = len(stretches) > max(8, len(distinct))
        if self.by_network:
            everyone = slice(0, len(seeds))
            self.blocks = [(everyone, everyone)]
        else:
            self.blocks = [(w, slice(b[0], b[0] + 1)) for b, w in stretches]
        self.x_rows = len(seeds) if self.by_network else len(distinct)

    def _prepare_clock(self) -> None:
        """Set up what the steps of an epoch count and note, all of it on the device."""
        count, device = len(self.tasks), self.device
        examples = len(self.data.x_train)
        self.steps = math.ceil(examples / self.batch_size)
        settings = [task.settings for task in self.tasks]
        total = self.epochs * self.steps
        shapes = {s["schedule"]: _shape(s["schedule"], total) for s in settings}
        self.schedule = torch.stack([shapes[s["schedule"]] for s in settings], 1)
        rates = [s["lr"] for s in settings]
        self.schedule *= torch.tensor(rates, dtype=torch.float64)
        self.order = torch.zeros(
            len(self.generators), examples, dtype=torch.long, device=device
        )
        numbers = (self.steps, len(self.stepper.idle), count)
        self.numbers = torch.zeros(numbers, dtype=self.dtype, device=device)
        idle = torch.tensor(self.stepper.idle, dtype=self.dtype, device=device)
        self.idle = idle[:, None]
        self.losses = torch.zeros(self.steps, count, dtype=self.dtype, device=device)
        self.at = torch.zeros(1, dtype=torch.long, device=device)
        self.alive = torch.ones(count, dtype=torch.bool, device=device)

    def release(self) -> None:
        """Give each network memory of its own again."""
        for network in self.networks:
            for parameter in network.parameters():
                parameter.data = parameter.data.clone()

    # --- training ---

    def train(self, epoch: int) -> tuple[list[list[float]], list[list[float]]]:
        """Take each example once; return losses and step sizes, by network and step."""
        for network in self.networks:
            network.train()
        self._learn(True)
        first = (epoch - 1) * self.steps
        rates = self.schedule[first : first + self.steps]
        examples = len(self.data.x_train)
        orders = [torch.randperm(examples, generator=g) for g in self.generators]
        self._capture()
        self.order.copy_(torch.stack(orders))
        self.numbers.copy_(self.stepper.numbers(rates, first + 1).to(self.dtype))
        self.at.zero_()
        sizes = self._batch_sizes()
        for _ in range(self.steps - 1):
            self._step(sizes[0])
        self._step(sizes[-1])
        return self.losses.T.tolist(), rates.T.tolist()

    def _capture(self) -> None:
        """Record a step as a CUDA graph, for each size of batch that there is."""
        if self.device.type != "cuda" or self.graphs:
            return
        self.alive.zero_()
        pool = torch.cuda.graph_pool_handle()  # one step at a time: one memory will do
        for rows in self._batch_sizes():
            here = torch.cuda.current_stream(self.device)
            aside = torch.cuda.Stream(self.device)
            aside.wait_stream(here)
            with torch.cuda.stream(aside):
                self._rehearse(rows)
            here.wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=pool):
                self.step(rows)
            self.graphs[rows] = graph
        self.alive.fill_(True)

    def _rehearse(self, rows: int) -> None:
        """Take steps that lead nowhere, so that libraries and memory are set up.

        All networks count as broken meanwhile, therefore nothing moves.
        """
        self.alive.zero_()
        for _ in range(3):
            self.at.zero_()
            self.step(rows)
        self.at.zero_()

    def _batch_sizes(self) -> list[int]:
        """Return the rows of an epoch's batches, in their order, each size once."""
        examples = len(self.data.x_train)
        rest = examples - (self.steps - 1) * self.batch_size
        return list(dict.fromkeys([min(self.batch_size, examples), rest]))

    def _step(self, rows: int) -> None:
        if rows in self.graphs:
            self.graphs[rows].replay()
        else:
            self.step(rows)

    @torch.no_grad()
    def step(self, rows: int) -> None:
        """Train one step on the next ``rows`` examples; on a GPU nothing waits."""
        if rows not in self.rooms:
            self.rooms[rows] = _Room(self, rows, self.x_rows, errors=True)
        room = self.rooms[rows]
        self._gather(room)
        outputs = self._forward(room, room.inputs, learning=True)
        y = room.y if self.by_network else room.y.index_select(0, self.batch_of)
        losses, error = self._loss(room.z[-1], y)
        self.losses.index_copy_(0, self.at, losses.unsqueeze(0))
        self.alive.logical_and_(losses.isfinite())
        numbers = self.numbers.index_select(0, self.at).squeeze(0)
        still = None
        # Where looking costs nothing: mostly there is nothing to mask.
        if not _look_at_once(self.device) or not self.alive.all():
            still = ~self.alive
            numbers = torch.where(self.alive, numbers, self.idle)
        self._backward(room, outputs, error, numbers, still)
        self.at += 1

    def _gather(self, room: _Room) -> None:
        """Fetch the examples of this step."""
        start = self.at * self.batch_size
        places = start + torch.arange(room.rows, device=self.device)
        index = self.order.index_select(1, places)
        if self.by_network:
            index = index.index_select(0, self.batch_of)
        index = index.flatten()
        x, y = self.data.x_train, self.data.y_train
        torch.index_select(x, 0, index, out=room.x.flatten(0, 1))
        torch.index_select(y, 0, index, out=room.y.flatten(0, 1))

    def _forward(
        self, room: _Room, x: products.Inputs, learning: bool
    ) -> list[list[tuple[Tensor, Tensor]]]:
        """Fill ``room.z``; return each layer's and family's activation with its z."""
        outputs = []
        for layer, slot in enumerate(self.weights):
            bias = self._of_layer(self.bias.value, layer).unsqueeze(2)
            inputs = room.h[layer - 1] if layer else x
            products.forward(bias, slot.value, inputs, room.z[layer])
            if layer < len(self.weights) - 1:
                outputs.append(self._activate(layer, room, learning))
        return outputs

    def _activate(
        self, layer: int, room: _Room, learning: bool
    ) -> list[tuple[Tensor, Tensor]]:
        pairs = []
        for family in self.families:
            z = room.z[layer][family.where].detach()
            with torch.set_grad_enabled(learning):
                output = family(layer, z.requires_grad_(learning))
            pairs.append((output, z))
            if len(self.families) > 1:
                room.h[layer][family.where] = output.detach()
            else:
                room.h[layer] = output.detach()
        return pairs

    def _loss(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return each network's mean loss and its gradient with respect to the output.

        ``output`` has shape (networks, outputs, examples), ``y`` (networks, examples,
        …).
        """
        rows = output.shape[2]
        if self.classes:
            y = y.unsqueeze(1)
            logarithms = torch.log_softmax(output, 1)
            losses = -logarithms.gather(1, y).mean((1, 2))
            error = logarithms.exp_()
            error.scatter_add_(1, y, error.new_full((), -1.0).expand_as(y))
            return losses, error.div_(rows)
        y = y.reshape(len(y), rows, -1).transpose(1, 2).to(output.dtype)
        error = output - y
        losses = error.square().mean((1, 2))
        return losses, error.mul_(2 / (rows * output.shape[1]))

    def _backward(
        self,
        room: _Room,
        outputs: list[list[tuple[Tensor, Tensor]]],
        error: Tensor,
        numbers: Tensor,
        still: Tensor | None,
    ) -> None:
        """Take the error back through all layers, and a step with each one left."""
        update = self.stepper.update
        for layer in reversed(range(len(self.weights))):
            slot = self.weights[layer]
            torch.sum(error, 2, out=self._of_layer(self.bias_gradient, layer))
            if layer:
                below = room.errors[layer - 1]
                products.back(slot.value, error, below)
            inputs = room.h[layer - 1] if layer else room.inputs
            products.gradient(error, inputs, slot.gradient, slot.keep)
            update(slot, numbers, still)
            if layer:
                error = self._through(layer - 1, outputs[layer - 1], below)
        self.bias.add(self.bias_gradient)
        update(self.bias, numbers, still)
        for family in self.families:
            for slot in family.collect():
                update(slot, numbers, still)

    def _through(
        self, layer: int, pairs: list[tuple[Tensor, Tensor]], error: Tensor
    ) -> Tensor:
        """Return the errors before the activations of a layer."""
        if len(self.families) == 1:
            return self.families[0].back(layer, pairs[0][1], pairs[0][0], error)
        for family, (output, z) in zip(self.families, pairs):
            part = error[family.where]
            part.copy_(family.back(layer, z, output, part))
        return error

    # --- evaluation ---

    @torch.no_grad()
    def evaluate(self) -> tuple[list[float], list[float]]:
        """Return each network's loss and accuracy in percent on the test examples."""
        self._learn(False)
        x, y = self.data.x_test, self.data.y_test
        losses, right = [], []
        everyone = [(slice(0, len(self.tasks)), slice(0, 1))]
        for part, target in zip(x.split(EVALUATION_BATCH), y.split(EVALUATION_BATCH)):
            if -len(part) not in self.rooms:
                self.rooms[-len(part)] = _Room(self, len(part), 0, errors=False)
            room = self.rooms[-len(part)]
            inputs = products.Shared(part.T.unsqueeze(0), everyone)
            self._forward(room, inputs, learning=False)
            target = target.expand(len(self.tasks), *target.shape)
            losses.append(self._loss(room.z[-1], target)[0])
            if self.classes:
                right.append((room.z[-1].argmax(1) == target).sum(1))
        lists = torch.stack(losses, 1).tolist()
        means = [training.mean_loss(own, len(x), EVALUATION_BATCH) for own in lists]
        if not self.classes:
            return means, [math.nan] * len(means)
        counts = torch.stack(right).sum(0).tolist()
        return means, [100 * count / len(x) for count in counts]

    def _learn(self, mode: bool) -> None:
        for family in self.families:
            family.learn(mode)


def _look_at_once(device: torch.device) -> bool:
    """Whether reading a number is free: on the CPU there is nothing to wait for."""
    return device.type == "cpu"


def _stretches(items: Sequence, key: Callable) -> list[tuple[list, slice]]:
    """Return the runs of neighbours with equal keys, and where they lie."""
    result, start = [], 0
    for _, same in groupby(items, key):
        members = list(same)
        result.append((members, slice(start, start + len(members))))
        start += len(members)
    return result


@cache
def _shape(schedule: str, steps: int) -> Tensor:
    """Return the step sizes of a schedule that starts at 1, in float64."""
    dummy = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    clock = training.clock_for(dummy, schedule, steps)
    rates = []
    dummy.step()  # a scheduler wants to come second
    for _ in range(steps):
        rates.append(dummy.param_groups[0]["lr"])
        clock()
    return torch.tensor(rates, dtype=torch.float64)
