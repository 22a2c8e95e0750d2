set title 'Latency of calls, name and all'
eval(percentiles)
set xrange [1:3500]
set logscale y
set yrange [0.5:20000]
set ytics ('1 ms' 1, '10 ms' 10, '100 ms' 100, '1 s' 1000, '5 s' 5000)
plot data index 'broken' with lines ls 1 title 'broken: A and AAAA race', \
     data index 'fixed' with lines ls 2 title 'fixed: single-request-reopen', \
     data index 'nodelocal' with lines ls 3 title 'nodelocal: a cache on each node'
