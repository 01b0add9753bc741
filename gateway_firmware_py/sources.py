"""Everything a gateway reads from, each kept going whatever happens to it.

Used by `gateway_firmware_py.compose`. Only what is configured is imported: a gateway without a
scanner or an embedded broker does not pay for them.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass

from edge.clock import Clock
from edge.errors import SourceConfigError
from edge.modbus.source import ModbusSource
from edge.sink import Sink
from gateway_firmware_py.config.settings import Settings
from gateway_firmware_py.gate import Gate

log = logging.getLogger(__name__)

RESTART_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """One thing that feeds the sink; `status` is for people, `is_up` is asked every second.

    `config` is what it was made from; `is_idle` tells when it may be ended without losing an
    answer. One that may run beside its successor has a `gate`.
    """

    name: str
    run: Callable[[], Awaitable[None]]
    status: Callable[[], Mapping[str, object]]
    is_up: Callable[[], bool] = lambda: True
    is_idle: Callable[[], bool] = lambda: True
    config: object = None
    gate: Gate | None = None

    def is_as(self, other: "Source") -> bool:
        """Return whether the other would do the same."""
        return (self.name, self.config) == (other.name, other.config)

    def shut(self, *, is_shut: bool) -> None:
        """Let nothing through the gate, or everything again."""
        if self.gate is not None:
            self.gate.is_open = not is_shut


def all_sources(
    settings: Settings, sink: Sink, clock: Clock, *, at_once: bool = False
) -> list[Source]:
    """Return the sources of the configuration, not running yet.

    `at_once`: they take over from others, so what is polled is polled at their start.

    Raises:
        SourceConfigError: one cannot work as configured.
    """
    return [
        *_broker(settings),
        *_modbus(settings, sink, clock, at_once=at_once),
        *_mqtt(settings, sink, clock),
        *_scanners(settings, sink, clock),
        *_digital(settings, sink, clock),
    ]


async def keep_running(source: Source, restart_s: float = RESTART_S) -> None:
    """Run a source until cancelled; one that breaks is begun again, the others go on."""
    while True:
        try:
            await source.run()
        except SourceConfigError as error:
            log.error("%s: %s", source.name, error)  # noqa: TRY400 -- for the operator
        except Exception:
            # One source that is wrong must not cost the record of all the others.
            log.exception("%s broke off; it is begun again", source.name)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            return  # it tidied up after the cancellation, and ended well
        await asyncio.sleep(restart_s)


def _broker(settings: Settings) -> Iterator[Source]:
    if settings.broker_listen is not None:
        from edge.broker import EmbeddedBroker  # noqa: PLC0415 -- loaded only where wanted

        host, port = settings.broker_listen
        broker = EmbeddedBroker(host, port)
        yield Source(
            name="broker",
            run=broker.run,
            status=lambda: {"listen": f"{host}:{port}"},
            config=settings.broker_listen,
        )


def _modbus(settings: Settings, sink: Sink, clock: Clock, *, at_once: bool) -> Iterator[Source]:
    for bus in settings.buses:
        source = ModbusSource(bus, sink, clock, at_once=at_once)
        yield Source(
            name=f"modbus {bus.name}",
            run=source.run,
            status=lambda source=source: asdict(source.snapshot()),  # type: ignore[misc]
            is_up=lambda source=source: source.is_up,  # type: ignore[misc]
            is_idle=lambda source=source: source.is_idle,  # type: ignore[misc]
            config=bus,
        )


def _mqtt(settings: Settings, sink: Sink, clock: Clock) -> Iterator[Source]:
    if settings.mqtt:
        from edge.mqtt_source.source import MqttSource  # noqa: PLC0415 -- loads a client

        for broker in settings.mqtt:
            gate = Gate(sink)
            source = MqttSource(broker, gate, clock)
            yield Source(
                name=f"mqtt {broker.name}",
                run=source.run,
                status=lambda source=source: {  # type: ignore[misc]
                    "is_up": source.connected,
                    **asdict(source.counts),
                },
                is_up=lambda source=source: source.connected,  # type: ignore[misc]
                config=broker,
                gate=gate,
            )


def _scanners(settings: Settings, sink: Sink, clock: Clock) -> Iterator[Source]:
    if settings.scanners:
        from edge.scanner.source import ScannerSource  # noqa: PLC0415 -- loaded where wanted

        for config in settings.scanners:
            source = ScannerSource(config, sink, clock)
            yield Source(
                name=f"scanner {config.name}",
                run=source.run,
                status=lambda source=source: {  # type: ignore[misc]
                    "is_up": source.connected,
                    **asdict(source.counts),
                },
                is_up=lambda source=source: source.connected,  # type: ignore[misc]
                config=config,
            )


def _digital(settings: Settings, sink: Sink, clock: Clock) -> Iterator[Source]:
    if settings.digital:
        from edge.digital.source import DigitalSource  # noqa: PLC0415 -- loaded where wanted

        for config in settings.digital:
            source = DigitalSource(config, sink, clock)
            yield Source(
                name=f"digital {config.name}",
                run=source.run,
                status=lambda source=source: asdict(source.counts),  # type: ignore[misc]
                config=config,
            )
