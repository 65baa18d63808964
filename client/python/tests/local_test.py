"""Loads on one machine: files go to the daemon by descriptor; tensors are read or mapped by the caller, and none of their bytes travel."""
import contextlib
import io
import os
import resource
import signal
import socket
import time
import unittest
import unittest.mock
import zipfile

import package
from package import saved
import airlock

if not package.HAS_TORCH:
    package.skip("this Python has no torch (apt-get install python3-torch)")
import torch

from airlock import _client, _descriptors, _payload, _requests, _source
from airlock.v1 import loader_pb2


def deflated(data):
    """The same archive, with every member compressed: the worker writes the tensors anew."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out.getvalue()


VALUE = {"small": torch.arange(7), "odd": torch.ones(3, dtype=torch.uint8), "large": torch.arange(300_000.0).view(300, 1000), "none": torch.empty(0),
         "double": torch.ones(40_000, dtype=torch.complex128)}
VALUE["view"] = VALUE["large"][10:, ::2]


class Local(package.Folder):
    def check(self, got):
        for name, tensor in VALUE.items():
            self.assertTrue(torch.equal(tensor, got[name]), name)
            self.assertEqual(tensor.stride(), got[name].stride(), name)
        got["view"].zero_()
        self.assertEqual(got["large"][10:, ::2].abs().sum().item(), 0)

    def forms(self):
        yield "zip", saved(VALUE)
        yield "legacy", saved(VALUE, _use_new_zipfile_serialization=False)
        yield "deflated", deflated(saved(VALUE))

    def test_read_and_mapped(self):
        for name, data in self.forms():
            path = self.write(name, data)
            for mmap in (None, False, True):
                with unittest.mock.patch.object(_payload.StreamPayload, "write", side_effect=AssertionError("a byte came over the wire")):
                    self.check(airlock.load(path, mmap=mmap))
                    with open(path, "rb") as file, io.BytesIO(b"what stands before" + data) as memory:
                        self.check(airlock.load(file, mmap=mmap))
                        self.assertEqual(file.tell(), len(data))
                        memory.seek(-len(data), os.SEEK_END)
                        self.check(airlock.load(memory, mmap=mmap))
                        self.assertEqual(memory.read(), b"")
                self.assertEqual(path.read_bytes(), data)  # what is written to a mapping stays in the process

    def test_bytes_that_are_not_those_of_their_checksum(self):
        for name, data in self.forms():
            path = self.write(name, data)
            for mmap in (False, True):
                self.check(airlock.load(path, mmap=mmap, verify=True))
        data = bytearray(saved(VALUE))
        at = data.index(VALUE["large"][100].numpy().tobytes())
        data[at] ^= 1
        broken = self.write("broken", data)
        self.assertEqual(list(airlock.load(broken)), list(VALUE))
        for mmap in (False, True):
            for given in (broken, io.BytesIO(data)):
                with self.assertRaises(airlock.MalformedError) as caught:
                    airlock.load(given, mmap=mmap, verify=True)
                self.assertEqual(caught.exception.reason, "CHECKSUM_MISMATCH")
        with unittest.mock.patch.object(_descriptors, "socket_path", return_value=""), self.assertRaises(airlock.MalformedError):
            airlock.load(broken, verify=True)
        with self.assertRaises(airlock.MalformedError):
            airlock.load_file(broken, framework="numpy", verify=True)

    def test_where_there_is_no_fd_socket(self):
        for name, data in self.forms():
            path = self.write(name, data)
            with unittest.mock.patch.object(_descriptors, "socket_path", return_value=""):
                self.check(airlock.load(path, mmap=True))
                self.check(airlock.load(io.BytesIO(data)))

    def test_whoever_gives_up_takes_nothing_from_those_after(self):
        """Before anything came, and in the midst of it."""
        path = self.write("a.pt", saved(VALUE))
        taker = _client.Taker
        for message in range(3):
            taken = []

            class Interrupted(taker):
                def take(self, data):
                    taken.append(data)
                    if len(taken) > message:
                        raise KeyboardInterrupt
                    super().take(data)

            with unittest.mock.patch.object(_client, "Taker", Interrupted), self.assertRaises(KeyboardInterrupt):
                airlock.load(path)
            self.check(airlock.load(path))

    def test_an_interrupt_while_nothing_comes(self):
        with socket.socket(socket.AF_UNIX) as silent:
            address = self.folder / "silent"
            silent.bind(str(address))
            silent.listen()
            client = _client.Client(f"unix:{address}")
            self.addCleanup(client.close)
            source = _source.source_of(self.write("a.pt", saved(VALUE)))
            options = _requests.CallOptions(timeout=60)
            requests = _requests.Requests(loader_pb2.LoadRequest, _requests.first_of(loader_pb2.LoadRequest, source, options), None)
            before = signal.signal(signal.SIGALRM, signal.default_int_handler)
            self.addCleanup(signal.signal, signal.SIGALRM, before)
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            with self.assertRaises(KeyboardInterrupt):
                client._exchange(client._load, requests, source, options, None)

    def test_a_timeout_holds_for_a_descriptor_too(self):
        """A daemon that is slow to take it is not one that is gone."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
            silent.bind(str(self.folder / "silent"))
            silent.listen()
            path = self.write("a.pt", saved(VALUE))
            with unittest.mock.patch.object(_descriptors, "socket_path", return_value=str(self.folder / "silent")):
                for timeout in (0.2, 0):
                    started = time.monotonic()
                    with self.assertRaises(airlock.LoadTimeout):
                        airlock.load(path, timeout=timeout)
                    self.assertLess(time.monotonic() - started, 10)

    def test_a_file_object_that_fails_says_so_itself(self):
        class Failing(io.BytesIO):
            def read(self, *_):
                raise OSError("the disk is gone")

        for path in (None, ""):
            with unittest.mock.patch.object(_descriptors, "socket_path", return_value=path) if path is not None else contextlib.nullcontext():
                with self.assertRaisesRegex(OSError, "the disk is gone"):
                    airlock.load(Failing(saved(VALUE)))
            self.check(airlock.load(io.BytesIO(saved(VALUE))))

    def test_a_file_object_without_room_in_memory_is_sent(self):
        """Too large, as a little file that is compressed can be; or more than a file of this process may have."""
        data = saved(VALUE)
        put, limit = unittest.mock.patch.object(_descriptors, "put", side_effect=AssertionError("its descriptor was sent")), resource.RLIMIT_FSIZE
        memory = unittest.mock.patch.object(os, "memfd_create", side_effect=AssertionError("it was copied"))
        with unittest.mock.patch.object(_source, "_MOST_COPIED", len(data) - 1), memory, put:
            self.check(airlock.load(io.BytesIO(data)))
        before = resource.getrlimit(limit)
        self.addCleanup(resource.setrlimit, limit, before)
        resource.setrlimit(limit, (len(data) // 2, before[1]))
        with put:
            self.check(airlock.load(io.BytesIO(data)))
        with unittest.mock.patch.object(_descriptors, "put", wraps=_descriptors.put) as handed, io.BytesIO(data[:len(data) // 4]) as memory:
            with self.assertRaises(airlock.AirlockError):
                airlock.load(memory)
        handed.assert_called_once()

    def test_a_file_that_cannot_be_opened_again_is_sent(self):
        """It was opened for this process by somebody who may."""
        with open(self.write("a.pt", saved(VALUE)), "rb") as file, unittest.mock.patch.object(os, "open", side_effect=PermissionError):
            self.check(airlock.load(file))

    def test_a_gzip_object_is_no_file_of_its_own(self):
        import gzip

        path = self.folder / "a.pt.gz"
        with gzip.open(path, "wb", compresslevel=1) as file:
            file.write(saved(VALUE))
        with gzip.open(path, "rb") as file:
            self.check(airlock.load(file))

    def test_aligned_memory_only(self):
        path = self.write("a.pt", saved([torch.ones(1, dtype=torch.uint8), VALUE["double"]], _use_new_zipfile_serialization=False))
        got = airlock.load(path, mmap=True)[1]
        self.assertEqual(got.data_ptr() % 16, 0)
        self.assertTrue(torch.equal(got.clone() + 1, VALUE["double"] + 1))

    def test_indices_are_never_mapped(self):
        """What torch follows was checked once: nobody may change it afterwards."""
        diagonal = torch.arange(20_000).repeat(2, 1)
        path = self.write("a.pt", saved(torch.sparse_coo_tensor(diagonal, torch.ones(20_000), (20_000, 20_000))))
        got = airlock.load(path, mmap=True)
        with open(path, "r+b") as file:
            file.write(b"\xff" * path.stat().st_size)
        self.assertEqual(int(got._indices().max()), 19_999)

    def test_a_mapped_gigabyte_costs_no_memory(self):
        path = self.write("a.pt", saved({"w": torch.zeros(64 << 20)}))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        got = airlock.load(path, mmap=True)
        self.assertEqual(got["w"][-1].item(), 0)
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, 32 << 10)

    def test_a_file_that_changes_is_an_error(self):
        path = self.write("a.pt", saved(VALUE))
        exchange = _client.Client._exchange

        def and_shorten(*args):
            taker = exchange(*args)
            os.truncate(path, 1000)
            return taker

        for mmap in (False, True):
            path.write_bytes(saved(VALUE))
            with unittest.mock.patch.object(_client.Client, "_exchange", and_shorten), self.assertRaises(airlock.MalformedError):
                airlock.load(path, mmap=mmap)

    def test_a_file_that_changes_while_it_is_sent_is_an_error(self):
        path = self.write("sent", saved(VALUE))
        self.assertEqual(b"".join(_source.PathSource(path).chunks()), path.read_bytes())
        chunks = _source.PathSource(path).chunks()
        next(chunks)
        os.utime(path, (1, 1))
        with self.assertRaises(airlock.MalformedError) as caught:
            next(chunks)
        self.assertEqual(caught.exception.reason, "INPUT_CHANGED")

    def test_no_descriptor_is_left_open(self):
        path = self.write("a.pt", deflated(saved(VALUE)))
        airlock.load(path)
        before = len(os.listdir("/proc/self/fd"))
        for mmap in (False, True):
            got = airlock.load(path, mmap=mmap)
            del got
        with self.assertRaises(airlock.MalformedError):
            airlock.load(self.write("b.pt", saved(VALUE)[:-3000]), mmap=True)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_inspect(self):
        report = airlock.inspect(self.write("a.pt", saved(VALUE)))
        self.assertEqual((report.verdict, report.tensor("large").shape), ("clean", (300, 1000)))


package.main()
