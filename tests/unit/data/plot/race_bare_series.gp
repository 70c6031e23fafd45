set terminal png notruecolor transparent size 6,4 noenhanced
set encoding utf8
$data1 << EOD
-1.5 2
-1 1
0.5 0.25
EOD
$data2 << EOD
-1.5 2
0 0
1 1
EOD
set xrange [-2:2]
set yrange [-1:3]
unset key
unset border
unset tics
unset colorbox
set lmargin at screen 0
set rmargin at screen 1
set bmargin at screen 0
set tmargin at screen 1
plot $data1 using 1:2 with lines lw 1 lc rgb '#0072b2' notitle, \
    $data2 using 1:2 with lines lw 1 lc rgb '#d55e00' notitle
