-- A whole append on the server's side: one way there and back, and for events that are all new,
-- as nearly all are, no join between what was given and what was added. The lock comes before
-- any row gets its number, so that numbers become visible in their order; each statement after
-- it sees what other replicas have committed by then. `fresh` are the digests that were new,
-- null when all were; `seqs` are the places of the events kept, in the order given. No statement reads a table that was written before: a plan made while it was
-- small would read all of it for ever.
create function append_events(
    digests bytea[], sources text[], event_ids text[], times bigint[], reviews text[], bodies text[],
    out seqs bigint[], out fresh bytea[]
) language plpgsql as $$
begin
    perform pg_advisory_xact_lock(7464500);
    with added as (
        insert into event_keys (digest) select digest from unnest(digests) as given (digest)
        on conflict (digest) do nothing returning digest
    )
    select coalesce(array_agg(digest), '{}') into fresh from added;
    if cardinality(fresh) = cardinality(digests) then
        fresh := null;
        with kept as (
            insert into events (source, event_id, received_at, review, body)
            select * from unnest(sources, event_ids, times, reviews, bodies)
            returning seq, source, event_id, received_at, review
        ), reviewed as (
            insert into review_items (event_seq, source, event_id, reason, received_at, state)
            select seq, source, event_id, review, received_at, 'open' from kept
            where review is not null
        )
        select array_agg(seq) into seqs from kept;
    else
        with kept as (
            insert into events (source, event_id, received_at, review, body)
            select source, event_id, received_at, review, body
            from unnest(digests, sources, event_ids, times, reviews, bodies) with ordinality
                as given (digest, source, event_id, received_at, review, body, place)
            where digest = any(fresh) order by place
            returning seq, source, event_id, received_at, review
        ), reviewed as (
            insert into review_items (event_seq, source, event_id, reason, received_at, state)
            select seq, source, event_id, review, received_at, 'open' from kept
            where review is not null
        )
        select array_agg(seq) into seqs from kept;
    end if;
end $$;
