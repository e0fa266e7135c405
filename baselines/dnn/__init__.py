"""Neural denoisers: what they see, predict and minimise, and how they run.

A network is a free choice of four, each found by name: features x model x objective x loss. Tables have one row
per frame of `percepkit.dsp.stft.analyse` (20 ms, 10 ms apart): NumPy ``(frames, size)``, PyTorch ``(batch,
frames, size)``. Row l is about frame l everywhere; look-ahead shows only as delay of a stream.

- **Features**, `percepkit.baselines.dnn.features`, NumPy: ``make(name, sample_rate, **options)`` has ``size``,
  ``look_ahead_frames`` and ``stream()``; ``compute(features, noisy)`` gives
  `percepkit.baselines.dnn.frames.Frames`: rows, noisy and comb-filtered spectra.
- **Objective**, `percepkit.baselines.dnn.objectives`, NumPy and PyTorch alike: ``heads`` (name, size, activation,
  scale) lay out the columns of the network's output; ``targets(clean, noisy)`` or ``stored_targets(item)`` give
  values and validity; ``predict(outputs, frames)`` is what a loss compares with them; ``enhance(outputs, frames)``
  is the enhanced spectrum (or waveform, ``domain``).
- **Model**, `percepkit.baselines.dnn.models`, PyTorch: ``build(name, n_in=features.size, heads=objective.heads,
  **options)``. ``model(rows)`` gives all output rows; a causal model also has ``initial_state(batch)`` and
  ``step(row, state) -> (output, state)``, whose row with step l belongs to frame l - ``look_ahead_frames``.
- **Loss**, `percepkit.baselines.dnn.losses`, PyTorch: ``make(name, sample_rate=..., heads=...)`` is called with
  (estimate, target, valid) and has ``domain``: "outputs" compares ``predict`` with ``targets``, "signal" the
  enhanced waveform with the clean, by `percepkit.baselines.dnn.losses.signals.synthesise`.
- **Export**, `percepkit.baselines.dnn.export`, PyTorch: writes NAME.onnx and its card NAME.json;
  `percepkit.baselines.dnn.runtime` runs them with NumPy and onnxruntime alone, as a `Denoiser` that streams.
- **Training**, `percepkit.baselines.dnn.train`, PyTorch: ``train`` takes a `percepkit.baselines.dnn.config` and
  the items of `percepkit.baselines.dnn.sources`, and fills the folder of a run, which
  `percepkit.baselines.dnn.export_run` turns into an ONNX file with its cards.

PyTorch is imported by ``losses``, ``models``, ``system``, ``batches``, ``checkpoints``, ``sources``, ``train``,
``export`` and ``export_run`` only.
"""
