"""How much of a limit that is not told is used, side by side: prefgen's pace, and fixed numbers of requests in flight.

A virtual clock, 15 minutes, replies of two seconds (median); the token bucket is the provider's.
"""

from tests.sim.limiter import Bucket, fixed, prefgen, pressed

HOW = {"prefgen": prefgen, "64 in flight": fixed(64), "256 in flight": fixed(256)}
TIERS = {
    "3,000 RPM": Bucket(3000, 1.0),
    "3,000 RPM, Retry-After": Bucket(3000, 1.0, retry_after=1.0),
    "600 RPM, bursty": Bucket(600, 0.2),
    "600 RPM, bursty, Retry-After": Bucket(600, 0.2, retry_after=1.0),
    "60 RPM": Bucket(60, 1.0),
}

print(f"{'limit':30}" + "".join(f"{name:>28}" for name in HOW))
for tier, bucket in TIERS.items():
    found = [pressed(Bucket(bucket.rpm, bucket.burst, bucket.retry_after), how) for how in HOW.values()]
    print(f"{tier:30}" + "".join(f"{f'{one.use:.1%} used, {one.refusals:.1%} refused':>28}" for one in found))
