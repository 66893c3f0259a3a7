"""Requests that go in batches, at half price, within a day: OpenAI's Batch API and Anthropic's Message Batches.

    gather     requests that wait together become a batch; what adopts those of an earlier run
    carry      one batch's way: intent · input · made · looked after · saved · read · done
    ledger     what the journal knows of batches
    results    a saved file of results, line by line
    protocol   what both providers have in common; ``openai`` and ``anthropic`` speak it, ``wire`` is their cable

Keys of replies are those of online requests, so that either finds what the other paid for.
"""
