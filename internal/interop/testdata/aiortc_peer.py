"""Legs of aiortc, driven by a test: an order a line on the standard input, a reply a line on the standard output, both JSON. Each leg plays
a tone and shows a picture that moves."""
import asyncio
import fractions
import json
import sys

import aioice.ice
import numpy
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import AudioFrame, VideoFrame

aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # which it leaves out otherwise
RATE = 48000
legs = {}


class Tone(AudioStreamTrack):
    def __init__(self, hz):
        super().__init__()
        self.hz, self.at, self.began = hz, 0, None

    async def recv(self):
        loop = asyncio.get_running_loop()
        self.began = self.began or loop.time()
        await asyncio.sleep(max(0, self.began + self.at / RATE - loop.time()))
        n = numpy.arange(self.at, self.at + RATE // 50)
        samples = (8000 * numpy.sin(2 * numpy.pi * self.hz * n / RATE)).astype(numpy.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self.at, fractions.Fraction(1, RATE)
        self.at += RATE // 50
        return frame


class Picture(VideoStreamTrack):
    async def recv(self):
        pts, time_base = await self.next_timestamp()
        image = numpy.full((120, 160, 3), pts // 3000 % 255, numpy.uint8)
        image[40:80, pts // 3000 % 120:][:, :40] = 255
        frame = VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Leg:
    def __init__(self, order):
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.samples, self.frames, self.width, self.tasks = [], 0, 0, []
        self.pc.on("track", self.track)
        self.video = order.get("video")
        self.pc.addTrack(Tone(order["hz"]))
        if self.video:
            self.pc.addTrack(Picture())
            self.prefer()

    def prefer(self):
        codecs = RTCRtpSender.getCapabilities("video").codecs
        codecs.sort(key=lambda c: c.mimeType.lower() != self.video.lower())
        self.pc.getTransceivers()[-1].setCodecPreferences(codecs)

    def track(self, track):
        take = self.hear if track.kind == "audio" else self.see
        self.tasks.append(asyncio.ensure_future(take(track)))

    async def hear(self, track):
        try:
            while True:
                frame = await track.recv()
                samples = frame.to_ndarray().reshape(-1)[:: len(frame.layout.channels)]
                self.rate = frame.sample_rate
                self.samples = (self.samples + samples.tolist())[-8192:]
        except MediaStreamError:
            pass

    async def see(self, track):
        try:
            while True:
                self.width = (await track.recv()).width
                self.frames += 1
        except MediaStreamError:
            pass

    async def local(self, description):
        await self.pc.setLocalDescription(description)
        return {"sdp": self.pc.localDescription.sdp}


async def do(order):
    op, name = order["op"], order["leg"]
    if op == "offer":
        legs[name] = leg = Leg(order)
        return await leg.local(await leg.pc.createOffer())
    if op == "answer":
        legs[name] = leg = legs.get(name) or Leg(order)
        await leg.pc.setRemoteDescription(RTCSessionDescription(order["sdp"], "offer"))
        return await leg.local(await leg.pc.createAnswer())
    leg = legs[name]
    if op == "accept":
        await leg.pc.setRemoteDescription(RTCSessionDescription(order["sdp"], "answer"))
        return {}
    if op == "heard":
        return {"rate": RATE, "samples": leg.samples}
    if op == "seen":
        dtls = leg.pc.sctp.transport if leg.pc.sctp else leg.pc.getSenders()[0].transport
        return {"frames": leg.frames, "width": leg.width, "state": leg.pc.connectionState, "role": dtls._role}
    raise ValueError(op)


async def main():
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            said = await do(json.loads(line))
        except Exception as e:
            said = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(said), flush=True)


asyncio.run(main())
