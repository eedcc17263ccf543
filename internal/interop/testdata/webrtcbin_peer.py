"""Legs of GStreamer's webrtcbin, driven by a test: an order a line on the standard input, a reply a line on the standard output, both JSON.
Each leg plays a tone and shows a picture that moves."""
import array
import json
import re
import sys
import threading

import gi

for name, version in (("Gst", "1.0"), ("GstWebRTC", "1.0"), ("GstSdp", "1.0")):
    gi.require_version(name, version)
from gi.repository import GLib, GObject, Gst, GstSdp, GstWebRTC

Gst.init(None)

# The binding makes a class when it first meets something of its kind, and what two threads make at once is half a class: a pad that is no
# Gst.Pad. What the threads of the legs meet is met here first.
met = [Gst.ElementFactory.make(name) for name in ("webrtcbin", "appsink")] + [
    GObject.new(GObject.type_from_name("GstWebRTCBinSrcPad"), direction=Gst.PadDirection.SRC),
    Gst.parse_bin_from_description("identity", True),
    (Gst.Buffer, Gst.Caps, Gst.FlowReturn, Gst.Sample, Gst.Structure),
]
RATE = 48000
legs = {}
kept = []  # promises and what is in them: freed too early, they take the program with them


class Leg:
    def __init__(self, order):
        offer = order.get("sdp")
        self.samples, self.frames, self.width, self.ready = array.array("h"), 0, 0, threading.Event()
        text = (
            f"webrtcbin name=w bundle-policy=max-bundle audiotestsrc is-live=true freq={order['hz']} ! audio/x-raw,rate={RATE},channels=1 ! "
            f"opusenc frame-size=20 ! rtpopuspay ! {caps('audio', 'OPUS', RATE, number(offer, 'opus', 111))} ! w. "
        )
        if order.get("video"):
            text += (
                "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=20/1 ! vp8enc deadline=1 "
                f"keyframe-max-dist=30 ! rtpvp8pay ! {caps('video', 'VP8', 90000, number(offer, 'VP8', 96))} ! w. "
            )
        self.pipe = Gst.parse_launch(text)
        self.bin = self.pipe.get_by_name("w")
        ice = self.bin.get_property("ice-agent")
        ice.ref()  # the binding has taken one too many from this property
        self.ice = ice
        ice.emit("add-local-ip-address", "127.0.0.1")  # which it leaves out otherwise
        self.bin.connect("pad-added", self.pad)
        self.bin.connect("notify::ice-gathering-state", self.gathering)
        self.pipe.set_state(Gst.State.PLAYING)
        self.pipe.get_state(5 * Gst.SECOND)

    def gathering(self, *_):
        if self.bin.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            self.ready.set()

    def pad(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        audio = pad.get_current_caps().get_structure(0).get_string("media") == "audio"
        decode = f"rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,rate={RATE},channels=1" if audio else "rtpvp8depay ! vp8dec"
        sink = Gst.parse_bin_from_description(f"{decode} ! appsink name=s emit-signals=true sync=false", True)
        sink.get_by_name("s").connect("new-sample", self.hear if audio else self.see)
        self.pipe.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def hear(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        self.samples = (self.samples + array.array("h", buffer.extract_dup(0, buffer.get_size())))[-8192:]
        return Gst.FlowReturn.OK

    def see(self, sink):
        self.width = sink.emit("pull-sample").get_caps().get_structure(0).get_int("width")[1]
        self.frames += 1
        return Gst.FlowReturn.OK

    def ask(self, name, *args):
        promise = Gst.Promise.new()
        self.bin.emit(name, *args, promise)
        promise.wait()
        reply = promise.get_reply()
        kept.extend([promise, reply, *args])
        return reply

    def local(self, kind):
        made = self.ask(f"create-{kind}", None).get_value(kind)
        self.ask("set-local-description", made)
        if not self.ready.wait(10):
            raise TimeoutError("gathering")
        return {"sdp": self.bin.get_property("local-description").sdp.as_text()}

    def remote(self, kind, sdp):
        _, message = GstSdp.SDPMessage.new_from_text(sdp)
        self.ask("set-remote-description", GstWebRTC.WebRTCSessionDescription.new(kind, message))


def caps(media, name, rate, number):
    return f"application/x-rtp,media={media},encoding-name={name},payload={number},clock-rate={rate}"


def number(sdp, codec, otherwise):
    """The payload type of a codec in an offer: an answer has to have it too."""
    found = re.search(rf"a=rtpmap:(\d+) {codec}/", sdp or "", re.IGNORECASE)
    return int(found[1]) if found else otherwise


def do(order):
    op, name = order["op"], order["leg"]
    if op == "offer":
        legs[name] = Leg(order)
        return legs[name].local("offer")
    if op == "answer":
        legs[name] = Leg(order)
        legs[name].remote(GstWebRTC.WebRTCSDPType.OFFER, order["sdp"])
        return legs[name].local("answer")
    leg = legs[name]
    if op == "accept":
        leg.remote(GstWebRTC.WebRTCSDPType.ANSWER, order["sdp"])
        return {}
    if op == "heard":
        return {"rate": RATE, "samples": leg.samples.tolist()}
    if op == "seen":
        return {"frames": leg.frames, "width": leg.width, "state": leg.bin.get_property("connection-state").value_nick}
    raise ValueError(op)


def orders():
    for line in sys.stdin:
        try:
            said = do(json.loads(line))
        except Exception as e:
            said = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(said), flush=True)
    loop.quit()


loop = GLib.MainLoop()
threading.Thread(target=orders, daemon=True).start()
loop.run()
