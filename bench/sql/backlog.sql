-- Transactions of :size rows: first :rows rows inserted, then each of them updated.
do $$
begin
  for i in 0 .. :rows / :size - 1 loop
    insert into :table select n, n % 50000, 'customer name ' || md5(n::text), 'user' || n || '@mail-' || (n % 97) || '.example.com', (n % 1000000)::numeric / 100,
      n % 100, n * 0.25, n % 2 = 0, timestamptz '2024-01-01' + n * interval '1 second', repeat('n', 60) || n from generate_series(i * :size + 1, (i + 1) * :size) n;
    commit;
  end loop;
  for i in 0 .. :rows / :size - 1 loop
    update :table set qty = qty + 1, amount = amount + 1 where id between i * :size + 1 and (i + 1) * :size;
    commit;
  end loop;
end $$;
