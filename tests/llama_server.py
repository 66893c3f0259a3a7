"""llama.cpp's own HTTP server with the small model, in a process of its own: prints its address, serves SECONDS."""

import os
import sys
import time

from prefgen.llm import weights

os.environ.setdefault("GOMP_SPINCOUNT", "3000")


def main(seconds: float) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights.pull("smollm2-135m"))
    params.port, params.n_parallel, params.n_ctx = 0, 4, 4 * 2048
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # the other core is the tests'
    params.cache_ram_mib, params.fit_params, params.ui, params.verbosity = 0, False, False, 0
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    time.sleep(seconds)


if __name__ == "__main__":
    main(float(sys.argv[1]))
